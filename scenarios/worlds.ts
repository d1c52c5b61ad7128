/** The two worlds that scenarios are built of. The command loads the one that it needs. */
export * from './machine-world.ts';
export * from './unix-world.ts';
