/** Common code of several labs' starters. */
export * from './serve.ts';
