/** What the starters of several labs share. */
export {};
