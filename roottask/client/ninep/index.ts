export * from './table.ts';
export {
  decodeEntries, decodeReply, decodeRequest, encodeCompound, encodeEntries, encodeError, encodeReply, encodeRequest, entrySize, header,
  joinParts, Malformed, MOST_NAMES, requestName, splitParts, type DirEntry, type Part
} from './message.ts';
