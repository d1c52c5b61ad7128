/** `npm test`: all specs but those of `npm run test:long`. */
import { defineConfig, mergeConfig } from 'vitest/config';
import all from './vitest.config.ts';
import { long } from './vitest.long.config.ts';

export default mergeConfig(all, defineConfig({ test: { exclude: long } }));
