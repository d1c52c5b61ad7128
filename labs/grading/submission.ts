/** A mistake in a submission that keeps it from running: one line with its place. */
export class SubmissionError extends Error {}
