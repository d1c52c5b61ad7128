/** Recording, reading, analysing and exporting the kernel's trace. */
export * from './format.ts';
export * from './record.ts';
export * from './recorder.ts';
export * from './reader.ts';
export * from './source.ts';
export * from './payload.ts';
export * from './vocabulary.ts';
export * from './stats.ts';
export * from './report.ts';
export * from './words.ts';
export * from './labels.ts';
export * from './decode.ts';
export * from './causality.ts';
export { Filter, FilterError, completions, filtered } from './filter.ts';
export { jsonLines, describe } from './export/jsonl.ts';
export { mermaid } from './export/mermaid.ts';
export { perfetto } from './export/perfetto.ts';
export { svg } from './export/svg.ts';
