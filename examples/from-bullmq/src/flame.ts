import { createFlame } from 'flamejs';
import config from '../flame.config.ts';

export const flame = createFlame(config);
