/** `npm test`: all specs but those of `npm run test:long`. Unit specs share the modules of their worker, as in `npm run test:quick`. */
import { defineConfig } from 'vitest/config';
import all from './vitest.config.ts';
import { long } from './vitest.long.config.ts';
import { shared, slow } from './vitest.quick.config.ts';

const { resolve, test } = all;
export default defineConfig({
  test: {
    maxWorkers: test.maxWorkers,
    projects: [
      { resolve, test: { ...test, name: 'systems', include: slow, exclude: [...test.exclude, ...long] } },
      { resolve, test: { ...test, ...shared, name: 'units', exclude: [...test.exclude, ...shared.exclude, ...long] } },
    ],
  },
});
