import { createFlame } from '@flamejs/queue';
import config from '../flame.config.ts';

export const flame = createFlame(config);
