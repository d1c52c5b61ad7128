# The header that Linux images have, so that any loader of kernels takes the flat image. It stands at `_start`; execution goes on at
# the label 1 behind it.
	.option push
	.option norvc
	j	1f
	.option pop
	.word	0
	.dword	0x200000		# where to load, from the start of RAM
	.dword	image_end - _start	# memory it needs
	.dword	0			# little-endian
	.word	2			# header version 0.2
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0
