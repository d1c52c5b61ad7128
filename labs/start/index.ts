/** What the starters of several labs share. */
export * from './serve.ts';
