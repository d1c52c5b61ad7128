export * from './table.ts';
export {
  decodeEntries, decodeReply, decodeRequest, encodeEntries, encodeError, encodeReply, encodeRequest, entrySize, header, Malformed,
  MOST_NAMES, requestName, type DirEntry
} from './message.ts';
