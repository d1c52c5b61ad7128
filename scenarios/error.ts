/** `where`: keys that lead to the mistake, such as ['components', 'disk', 'memory']. */
export class ScenarioError extends Error {
  readonly where: readonly string[];
  constructor(message: string, where: readonly string[]) {
    super(message);
    this.where = where;
  }
}
