/** What work of servers costs, in cycles. */
export const RATES = {
  call: 300, byte: 0.28, name: 160, entry: 185, item: 700, page: 4700, area: 12000, file: 900, walk: 2800, object: 3400, wake: 3900, packet: 8000,
};
export type Rates = { readonly [K in keyof typeof RATES]: number };
