import { describeAsItSays } from '../../test/as-it-says.ts';
import { ROOTS } from './index.ts';

describeAsItSays(ROOTS);
