/** Entry of an executor thread. */
import { serve } from './serve.ts';
import { openThreadPort } from './thread-port.ts';

serve(openThreadPort(), false);
