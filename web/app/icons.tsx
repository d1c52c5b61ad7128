/** Icons of one weight, drawn on a grid of 16. They are decoration: their buttons have names. */
const paths = {
  play: 'M5 3.5v9l7-4.5z', pause: 'M5 3.5v9M11 3.5v9', step: 'M4 3.5v9l5.5-4.5zM12 3.5v9', stop: 'M4 4h8v8H4z',
  again: 'M12.5 8a4.5 4.5 0 1 1-1.4-3.3M11.5 2v3h-3', share: 'M8 10V2.5M5.2 5 8 2.3 10.8 5M3 8.5v4.5h10V8.5',
  down: 'M8 2.5V10M5.2 7.5 8 10.3l2.8-2.8M3 13h10',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6M8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M3.2 '
    + '12.8l1-1M11.8 4.2l1-1',
  close: 'M4 4l8 8M12 4l-8 8', left: 'M10 3.5 5.5 8l4.5 4.5', right: 'M6 3.5 10.5 8 6 12.5', up: 'M3.5 10 8 5.5l4.5 4.5',
  list: 'M2.5 4h11M2.5 8h11M2.5 12h11', sequence: 'M4 2v12M12 2v12M4 5h7M9.5 3.5 11 5 9.5 6.5M12 11H5M6.5 9.5 5 11l1.5 1.5',
  timeline: 'M2 4h5M9 4h3M4 8h7M2 12h3M7 12h7', memory: 'M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z',
  counts: 'M3 13V8M8 13V3M13 13V6', console: 'M2 3h12v10H2zM4.5 6l2 2-2 2M8 10.2h3.5', file: 'M4 1.8h5l3 3v9.4H4zM9 1.8v3h3',
  book: 'M8 4c-1.5-1-3.5-1.2-5.5-1v9.5c2-.2 4 0 5.5 1 1.5-1 3.5-1.2 5.5-1V3c-2-.2-4 0-5.5 1v9.5',
  end: 'M8 2.5v8M4.8 7.5 8 10.7l3.2-3.2M3 13.5h10',
} as const;
export type IconName = keyof typeof paths;

export const Icon = ({ name }: { name: IconName }) =>
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d={paths[name]} /></svg>;

/** The mark: four tiles of a mosaic, one of them lifted. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
    <rect class="m1" x="2" y="2" width="9" height="9" rx="1" /><rect class="m2" x="13" y="2" width="9" height="9" rx="1" />
    <rect class="m3" x="2" y="13" width="9" height="9" rx="1" /><rect class="m4" x="14.5" y="14.5" width="8" height="8" rx="1" />
  </svg>
);
