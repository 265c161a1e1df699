import { flame } from './flame.ts';

export interface Reading {
  /** From -1, angry, to 1, delighted. */
  readonly mood: number;
  /** Days, amounts, durations that the text names. */
  readonly facts: readonly string[];
  /** Which call of its executor this was: only the first one loads the model. */
  readonly call: number;
}

/** Module state lives as long as the executor. Loaded by the first call and not by an import, so that callers stay light. */
let model: ReturnType<typeof loadModel> | undefined;
let calls = 0;

const loadModel = async () => {
  const [{ default: winkNLP }, { default: english }] = await Promise.all([
    import('wink-nlp'),
    import('wink-eng-lite-web-model'),
  ]);
  return winkNLP(english);
};

export const readReview = flame.fn('readReview', { timeout: '1m' }, async (text: string): Promise<Reading> => {
  model ??= loadModel();
  const { its, readDoc } = await model;
  calls += 1;
  const doc = readDoc(text);
  return { mood: Number(doc.out(its.sentiment)), facts: doc.entities().out(), call: calls };
});
