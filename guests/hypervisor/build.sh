# Sourced by guests/build.sh: the hypervisor suite, an ELF for M mode.
mkdir -p "$out"
# shellcheck disable=SC2086
$cc $common -Iinclude -Os -Wno-main -mcmodel=medany -mno-relax -Wl,--no-relax -Wl,-T,hypervisor/hypervisor.ld -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments \
  -o "$out/hypervisor.elf" hypervisor/start.S hypervisor/*.c
"${prefix}strip" --strip-all "$out/hypervisor.elf"
