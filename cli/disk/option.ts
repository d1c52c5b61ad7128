/** The option that gives a machine a disk, alike in every command. */
export const diskFlag = '--disk <file[,ro|,snapshot[=size]]>';
export const diskHelp = 'a virtio disk; ro = for reading only, snapshot = writes stay in memory (256M by default) and '
  + 'the file does not change; may be given several times';
