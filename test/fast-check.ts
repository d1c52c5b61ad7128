/**
 * fast-check as specs import it (`resolve.alias` of vitest.config.ts): its random numbers begin with one seed, so that a commit that
 * passed passes again. FAST_CHECK_SEED=N begins with another one, and `.ci/nightly` draws a new one; a failure prints it.
 */
import fc from '../node_modules/fast-check/lib/fast-check.js';

fc.configureGlobal({ seed: Number(process.env['FAST_CHECK_SEED'] ?? 1) });
export default fc;
