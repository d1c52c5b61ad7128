import { describe, expect, it } from 'vitest';
import { RemoteProcess } from './process.ts';

/** Calls the way out at every height of a full stack, and says how many errors were of another world than its own. */
const code = `
const out = globalThis.exchange, none = new Uint8Array(0);
let foreign = 0, tries = 0;
const look = (e) => { if (!(e instanceof Object)) foreign++; };
function full() { try { full(); } catch (e) { look(e); if (tries++ < 12) try { out(none, 0, []); } catch (f) { look(f); } throw e; } }
for (let k = 0; k < 20; k++) { tries = 0; try { (function pad(n) { if (n > 0) pad(n - 1); else full(); })(k); } catch (e) { look(e); } }
const said = Uint8Array.from(\`foreign \${foreign}\`, (c) => c.charCodeAt(0));
out(said, said.length, []);
`;

describe('the process of a submission', () => {
  it('gets no object of the world that it runs in, not even an error where the stack is full', () => {
    const process = new RemoteProcess(code, '{}');
    try {
      let said = '';
      while (said === '') said = new TextDecoder().decode(process.exchange(new Uint8Array(0)));
      expect(said).toBe('foreign 0');
    } finally {
      process.close();
    }
  });
});
