import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { plantedIdNoBarrierInFastPath } from './planted-id-no-barrier-in-fast-path.ts';
import { plantedIdNoBarrierInProtector } from './planted-id-no-barrier-in-protector.ts';

describe('the planted id without a barrier', () => {
  it.each([plantedIdNoBarrierInFastPath, plantedIdNoBarrierInProtector])(
    'is safe where stores wait for nobody: $name',
    ({ program }) => {
      expect(check(program(), { model: 'sc' }).verdict).toBe('holds');
    },
  );
});
