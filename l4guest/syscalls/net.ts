/** Socket calls. */
import type { Row } from './row.ts';

export const netCalls: Row[] = [];
