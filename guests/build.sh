#!/bin/sh
# Builds every guest program into guests/bin (or the folder given), the same bytes every time with the same compiler.
#   guests/build.sh [FOLDER]
set -eu
cd "$(dirname "$0")"
out=${1:-bin}
prefix=${CROSS_COMPILE:-riscv64-linux-gnu-}
cc=${prefix}gcc
command -v "$cc" >/dev/null || { echo "build.sh: $cc is missing; install gcc-riscv64-linux-gnu" >&2; exit 1; }
common="-march=rv64gc -mabi=lp64d -O2 -g0 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
  -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections -fno-ident -Wall -Wextra -Werror -nostdlib -static -no-pie \
  -ffile-prefix-map=$(pwd)=. -Wl,--build-id=none -Wl,--gc-sections -Wl,-z,norelro -Wl,-z,noexecstack"
mkdir -p "$out/linux" "$out/apart"

linux() { # NAME SOURCE…: one Linux program; code and data share a file page so that the images stay small
  name=$1; shift
  # shellcheck disable=SC2086
  $cc $common -Ilinux/include -Iinclude -Wl,-T,linux/lib/linux.ld -Wl,-z,max-page-size=4096 -o "$out/$name" linux/lib/crt0.S "$@" linux/lib/string.c linux/lib/io.c
  "${prefix}strip" --strip-all -R .comment -R .riscv.attributes "$out/$name"
}
for source in linux/tools/*.c linux/tests/*.c linux/bench/*.c; do
  name=${source##*/}
  linux "linux/${name%.c}" "$source"
done
linux linux/sh linux/sh/*.c
for source in linux/apart/*.c; do # what tests and benchmarks run, and no shell needs
  name=${source##*/}
  linux "apart/${name%.c}" "$source"
done

minios() { # the small guest operating system: an ELF for looking at, a flat image with a Linux Image header for booting
  objects=$(mktemp -d)
  flags="$common -Iinclude -mcmodel=medany -mno-relax -march=rv64imac_zicsr -mabi=lp64"
  for source in minios/*.S minios/*.c; do
    base=${source##*/}
    # shellcheck disable=SC2086
    $cc $flags -c -o "$objects/${base%.*}.o" "$source"
  done
  # shellcheck disable=SC2086
  $cc $flags -Wl,--no-relax -Wl,-T,minios/minios.ld -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -o "$out/minios.elf" "$objects"/*.o
  sed 's/0x80200000/0xa0200000/' minios/minios.ld > "$objects/relinked.ld" # for processors that do not translate what is below
  # shellcheck disable=SC2086
  $cc $flags -Wl,--no-relax -Wl,-T,"$objects/relinked.ld" -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -o "$out/minios-relinked.elf" "$objects"/*.o
  rm -r "$objects"
  "${prefix}strip" --strip-debug "$out/minios.elf" "$out/minios-relinked.elf"
  "${prefix}objcopy" -O binary "$out/minios.elf" "$out/minios.bin"
}
if [ -f minios/minios.ld ]; then minios; fi
mmio() { # one access to a device: an ELF with its symbols for looking at, a flat image for booting
  objects=$(mktemp -d)
  flags="$common -mcmodel=medany -mno-relax -march=rv64imac_zicsr -mabi=lp64"
  # shellcheck disable=SC2086
  $cc $flags -c -o "$objects/mmio.o" mmio/mmio.S
  # shellcheck disable=SC2086
  $cc $flags -Wl,--no-relax -Wl,-T,mmio/mmio.ld -Wl,--no-warn-rwx-segments -o "$out/mmio.elf" "$objects/mmio.o"
  rm -r "$objects"
  "${prefix}objcopy" -O binary "$out/mmio.elf" "$out/mmio.bin"
}
if [ -f mmio/mmio.ld ]; then mmio; fi
small() { # NAME SOURCE FLAG…: a guest without an operating system, of exits/start.S and one source; a flat image
  name=$1; source=$2; shift 2
  linked=$(mktemp)
  # shellcheck disable=SC2086
  $cc $common -Iinclude -mcmodel=medany -mno-relax -march=rv64imac_zicsr_zifencei -mabi=lp64 "$@" -Wl,--no-relax -Wl,-T,exits/exits.ld \
    -Wl,--no-warn-rwx-segments -o "$linked" exits/start.S "$source"
  "${prefix}objcopy" -O binary "$linked" "$out/$name.bin"
  rm "$linked"
}
small exits exits/exits.c                       # measures its own exits
small spin share/share.c -DSPIN                 # two guests that share a hart
small sleeper share/share.c -DSLEEPER
small burst burst/burst.c                       # exits that come in clusters
small compute mix/mix.c -DCOMPUTE               # three guests that do different work
small system mix/mix.c -DSYSTEM
small device mix/mix.c -DDEVICE
small disk disk/disk.c                          # reads one sector of a disk
for sector in 0 1 2 3 4 5 6 7; do echo "sector $sector of a small disk" | dd bs=512 conv=sync status=none; done > "$out/disk.img"
small kinds kinds/kinds.c                       # sorts instructions
control() { # a guest that tries every register and addresses where nothing is
  linked=$(mktemp)
  # shellcheck disable=SC2086
  $cc $common -Iinclude -mcmodel=medany -mno-relax -march=rv64imac_zicsr_zifencei -mabi=lp64 -Wl,--no-relax -Wl,-T,exits/exits.ld \
    -Wl,--no-warn-rwx-segments -o "$linked" control/start.S control/control.c
  "${prefix}objcopy" -O binary "$linked" "$out/control.bin"
  rm "$linked"
}
control
selfcheck() { # a guest that examines and changes its own code; with its symbols
  flags="$common -mcmodel=medany -mno-relax -march=rv64imac_zicsr_zifencei -mabi=lp64"
  # shellcheck disable=SC2086
  $cc $flags -Iinclude -Wl,--no-relax -Wl,-T,selfcheck/selfcheck.ld -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -o "$out/selfcheck.elf" selfcheck/start.S selfcheck/selfcheck.c
  "${prefix}strip" --strip-debug "$out/selfcheck.elf"
}
if [ -f selfcheck/selfcheck.c ]; then selfcheck; fi
panic() { # a kernel with a mistake, with its symbols; it keeps frame pointers, as Linux does
  objects=$(mktemp -d)
  flags="$common -O1 -fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-inline -mcmodel=medany -mno-relax -march=rv64imac_zicsr -mabi=lp64"
  for source in panic/start.S panic/panic.c; do
    base=${source##*/}
    # shellcheck disable=SC2086
    $cc $flags -c -o "$objects/${base%.*}.o" "$source"
  done
  # shellcheck disable=SC2086
  $cc $flags -Wl,--no-relax -Wl,-T,panic/panic.ld -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -o "$out/panic.elf" "$objects/start.o" "$objects/panic.o"
  "${prefix}strip" --strip-debug "$out/panic.elf"
  rm -r "$objects"
}
if [ -f panic/panic.ld ]; then panic; fi
signer() { # NAME FLAG…: a guest that has its orders signed, or has the key inside
  name=$1; shift
  objects=$(mktemp -d)
  flags="$common -Iinclude -mcmodel=medany -mno-relax -march=rv64imac_zicsr -mabi=lp64"
  for source in signer/start.S signer/signer.c; do
    base=${source##*/}
    # shellcheck disable=SC2086
    $cc $flags "$@" -c -o "$objects/${base%.*}.o" "$source"
  done
  # shellcheck disable=SC2086
  $cc $flags -Wl,--no-relax -Wl,-T,signer/signer.ld -Wl,--no-warn-rwx-segments -o "$objects/signer.elf" "$objects"/*.o -lgcc
  "${prefix}objcopy" -O binary "$objects/signer.elf" "$out/$name.bin"
  rm -r "$objects"
}
if [ -f signer/signer.ld ]; then signer signer; signer signer-inside -DKEY_INSIDE -Wno-unused-function -Wno-unused-const-variable; fi
vdso() { # the shared object that the Unix server gives every process; `embed.sh` makes the module of it that the server has
  # shellcheck disable=SC2086
  $cc -march=rv64gc -mabi=lp64d -O2 -g0 -ffreestanding -fPIC -fno-stack-protector -fasynchronous-unwind-tables -fno-ident -Wall -Wextra -Werror \
    -mno-relax -nostdlib -shared -Wl,--build-id=none -Wl,-soname=linux-vdso.so.1 -Wl,--hash-style=both -Wl,--eh-frame-hdr -Wl,-Bsymbolic \
    -Wl,-T,vdso/vdso.ld -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -ffile-prefix-map="$(pwd)"=. -o "$out/vdso.so" vdso/sigreturn.S vdso/vdso.c
  "${prefix}strip" --strip-all -R .comment -R .riscv.attributes "$out/vdso.so"
}
if [ -f vdso/vdso.ld ]; then vdso; fi
if [ -f native/build.sh ]; then . native/build.sh; fi
if [ -f hypervisor/build.sh ]; then . hypervisor/build.sh; fi
ls -l "$out" "$out"/*/ | awk '{ print $5, $9 }' | sed '/^ *$/d'
