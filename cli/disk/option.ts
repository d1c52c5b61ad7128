/** The option that gives a machine a disk, alike in every command. */
export const diskFlag = '--disk <file[,ro|,snapshot[=size]]>';
export const diskHelp = 'a virtio disk; ro = for reading only, snapshot = what is written stays in memory (256M unless told otherwise) and '
  + 'the file as it is; may be given several times';
