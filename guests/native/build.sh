# Sourced by guests/build.sh: programs that use the microkernel directly.
mkdir -p "$out/native"
for source in native/*.c; do
  name=${source##*/}
  name=${name%.c}
  # shellcheck disable=SC2086
  $cc $common -Wno-main -mcmodel=medany -mno-relax -Wl,--no-relax -Iinclude -Wl,-T,native/native.ld -Wl,-z,max-page-size=4096 -o "$out/native/$name" native/start.S "$source"
  "${prefix}strip" --strip-all "$out/native/$name"
done
