/** The Unix server for boot scenarios. */
export { l4guest } from './arch/l4/main.ts';
