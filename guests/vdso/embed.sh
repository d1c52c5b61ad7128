#!/bin/sh
# embed.sh IMAGE: the image as a TypeScript module, for servers that have no files yet.
echo '/** The shared object that every process has, built from guests/vdso (guests/build.sh writes this file). */'
echo 'export const VDSO_HEX = ['
od -An -v -tx1 -w60 "$1" | tr -d ' ' | sed "s/.*/  '&',/"
echo "].join('');"
