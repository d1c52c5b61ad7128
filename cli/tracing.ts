/** The modules for `--trace`. */
export { Capture } from '../system/capture/capture.ts';
export { vocabularyFor } from '../system/vocabulary.ts';
export { TraceOutput } from './trace-file.ts';
