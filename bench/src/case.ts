/** A measured case: ours and a peer in turn, round by round, so that a change of the machine's speed hits both. */
import { median } from './stats.ts';

export interface Case {
  readonly name: string;
  /** What the figures are; smaller is better for times and sizes, larger for rates. */
  readonly unit: 'ms' | 'calls/s' | 'bytes';
  /** The largest (times, sizes) or smallest (rates) ratio ours/peer that the design allows. */
  readonly budget: number;
  readonly peerName: string;
  readonly rounds: number;
  ours(): Promise<number>;
  peer(): Promise<number>;
}

export interface CaseResult {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** Median of the rounds' ratios ours/peer. */
  readonly ratio: number;
  readonly budget: number;
  readonly met: boolean;
  readonly rounds: number;
}

export const measure = async (c: Case, onRound: (round: number) => void): Promise<CaseResult> => {
  // One round to warm both up is thrown away.
  await c.ours();
  await c.peer();
  const ours: number[] = [];
  const peer: number[] = [];
  for (let round = 0; round < c.rounds; round += 1) {
    onRound(round);
    // Who goes first alternates, for the second one finds a warmer machine.
    if (round % 2 === 0) {
      ours.push(await c.ours());
      peer.push(await c.peer());
    } else {
      peer.push(await c.peer());
      ours.push(await c.ours());
    }
  }
  const ratio = median(ours.map((value, i) => value / (peer[i] ?? Number.NaN)));
  const met = c.unit === 'calls/s' ? ratio >= c.budget : ratio <= c.budget;
  return {
    name: c.name,
    unit: c.unit,
    ours: median(ours),
    peer: median(peer),
    peerName: c.peerName,
    ratio,
    budget: c.budget,
    met,
    rounds: c.rounds,
  };
};
