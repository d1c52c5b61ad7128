# What `tessera` is to a shell: the short way into Node's wall (sandbox.cjs), without a first Node that only starts a second one. It is
# taken when the words ask for nothing beyond reading, the bundle is no older than its sources, and this Node is the one that wrote
# dist/front: its path and the options of its wall (quick.cjs). Whatever is in doubt, tessera.cjs decides.

# Node would put /dev/null in the place of a closed standard output, and all that is printed would be lost with status 0.
if ! true 2>/dev/null 3>&1; then
  echo "tessera: E_FILE: output 'standard output' is closed; send what you do not want to see to /dev/null" >&2
  exit 1
fi

here=$([ -h "$0" ] && readlink -f "$0" || echo "$0")
root=${here%/*}/..

# Runs a machine, and writes nothing but its output.
only_reads() {
  case $1 in run | vm | bare) ;; *) return 1 ;; esac
  for word; do
    case $word in -h | --help | --no-s* | --tr* | --rec* | --st* | --si* | --du* | --g* | --net* | --mo* | --di*) return 1 ;; esac
  done
}

# Prints what is newer than it should be: this Node, or a source where there are sources.
newer() {
  sources='hardware network machine microkernel roottask vmm l4guest trace system library cli scenarios labs index.ts build.mjs'
  [ -e "$root/cli/main.ts" ] || sources=
  # shellcheck disable=SC2086 # the names are words
  (cd "$root" && find "$1" $sources -name '*.spec.ts' -o -path "$1" -cnewer dist/front -print \
    -o '(' -name '*.ts' -o -name '*.mjs' ')' -newer dist/tessera.mjs -print || echo doubt) 2>/dev/null
}

if [ -z "$TESSERA_SANDBOX" ] && only_reads "$@" && { read -r node && read -r wall; } 2>/dev/null <"$root/dist/front" &&
  [ "$(readlink -f "$(command -v node)")" = "$node" ] && [ -z "$(newer "$node")" ]; then
  export TESSERA_SANDBOX=node "MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_-1048576}"
  unset NODE_EXTRA_CA_CERTS # nothing in there speaks TLS, and Node would read them first
  set -f
  # shellcheck disable=SC2086 # the options are words without spaces
  exec "$node" $wall "$root/bin/tessera.cjs" "$@"
fi
exec node "$root/bin/tessera.cjs" "$@"
