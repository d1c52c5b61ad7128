export * from './table.ts';
export {
  decodeContents, decodeEntries, decodeLooks, decodeReply, decodeRequest, encodeCompound, encodeContents, encodeEntries, encodeError,
  encodeLooks, encodeReply, encodeRequest, entrySize, header, joinParts, lookSize, Malformed, MOST_NAMES, MOST_NUMBERS, requestName,
  splitParts, type DirEntry, type Part
} from './message.ts';
