import { describeAsItSays } from '../../test/as-it-says.ts';
import { SLOTS } from './index.ts';

describeAsItSays(SLOTS);
