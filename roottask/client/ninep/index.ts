export * from './table.ts';
export {
  decodeEntries, decodeReply, decodeRequest, encodeEntries, encodeError, encodeReply, encodeRequest, entrySize, header, joinParts,
    Malformed,
  MOST_NAMES, requestName, splitParts, type DirEntry
} from './message.ts';
