/** Colours where somebody looks at a terminal, plain text everywhere else. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const coloured = (stream: NodeJS.WriteStream): boolean =>
  process.env.NO_COLOR === undefined && (stream.isTTY === true || process.env.FORCE_COLOR !== undefined);

export const paint = (style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  coloured(stream) ? styleText(style, text) : text;
