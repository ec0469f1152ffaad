/*
 * The published model of the 2012 race for SPIN: what packages/litmus/src/seed/seed-model.ts is for Faultline.
 * -DNFAST=n -DNSLOW=n; -DUNSAFE: the notifier clears W only; -DMAILORDER: the host page is read before the sequence number.
 * Each operation is atomic together with the branch on what it found, and locals are cleared when they are dead.
 */
#ifndef NFAST
#define NFAST 1
#endif
#ifndef NSLOW
#define NSLOW 1
#endif
#define P  1
#define W  2
#define MW 4
#define HW 8

byte spte = 13; /* P | MW | HW */
byte seq;
bit host_w = 1;
bit mmu_lock;

active [NFAST] proctype fast() {
	byte old;
	atomic {
		old = spte;
		if
		:: (old & (P | MW)) != (P | MW) -> old = 0; goto done
		:: else
		fi
	}
	d_step {
		if
		:: spte == old -> spte = old | W
		:: else
		fi;
		old = 0
	}
done:
	skip
}

active [NSLOW] proctype slow() {
	byte s;
	bit h;
#ifdef MAILORDER
	h = host_w;
	s = seq;
#else
	s = seq;
	h = host_w;
#endif
	d_step { mmu_lock == 0 -> mmu_lock = 1 }
	atomic {
		if
		:: s != seq -> s = 0; h = 0; goto unlock
		:: else -> s = 0
		fi
	}
	d_step {
		if
		:: h -> spte = P | MW | HW | W
		:: else -> spte = P
		fi;
		h = 0
	}
unlock:
	mmu_lock = 0
}

active proctype ksm() {
	byte q;
	host_w = 0;
	d_step { mmu_lock == 0 -> mmu_lock = 1 }
#ifdef UNSAFE
	spte = spte & (P | MW | HW);
#else
	spte = 0;
#endif
	q = seq;
	d_step { seq = q + 1; q = 0 }
	mmu_lock = 0
}

active proctype monitor() {
	timeout -> assert(!((spte & W) && !host_w))
}
