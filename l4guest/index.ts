/** The Unix server, as boot scenarios name it. */
export { l4guest } from './arch/l4/main.ts';
