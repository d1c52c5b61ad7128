/** The file systems that `mount` knows, in the order of /proc/filesystems. */
export const fileSystemTypes = ['proc', 'sysfs', 'tmpfs', 'ramfs', 'devtmpfs', 'devpts'] as const;
