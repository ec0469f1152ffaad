import { describeAsItSays } from '../../test/as-it-says.ts';
import { HARDWARE } from './index.ts';

describeAsItSays(HARDWARE);
