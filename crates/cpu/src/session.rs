//! Sessions: the mutable memory of a plan, and its run loop.
//!
//! `unsafe`: turns the places of the plan into pointers. The plan has been checked against the sizes of arena, inputs and state.
#![allow(unsafe_code)]

use crate::fused::interp::Bases;
use crate::fused::program::{ARENA, INPUTS, STATE};
use crate::par::Workers;
use crate::plan::Plan;
use crate::pool::Pool;
use crate::simd::Isa;
use adaline_graph::backend::{RunError, Session, StepReport, TensorRef};
use adaline_graph::state::AlignedWords;
use adaline_graph::{DType, Role, StateStore};
use std::sync::Arc;
use std::time::Instant;

/// The memory of one run of a plan at a time.
pub struct CpuSession {
    plan: Arc<Plan>,
    pool: Arc<Pool>,
    isa: Isa,
    arena: AlignedWords,
    scratch: AlignedWords,
    /// Base pointers of arena, state and inputs; refreshed by each run.
    bases: Vec<*mut f32>,
    /// Nanoseconds of each step, summed, and the number of runs, when profiling.
    profile: Option<(Vec<u64>, u64)>,
}

// SAFETY: the pointers are refreshed from the borrows of each run and not followed between runs.
unsafe impl Send for CpuSession {}

impl CpuSession {
    pub(crate) fn new(plan: Arc<Plan>, pool: Arc<Pool>, isa: Isa) -> Self {
        Self {
            arena: AlignedWords::new(plan.arena_words.max(1)),
            scratch: AlignedWords::new((plan.scratch_words * pool.threads()).max(1)),
            bases: vec![std::ptr::null_mut(); INPUTS as usize + plan.inputs.len()],
            profile: None,
            plan,
            pool,
            isa,
        }
    }

    /// Starts (from zero) or stops timing each step.
    pub fn profile(&mut self, on: bool) {
        self.profile = on.then(|| (vec![0; self.plan.steps.len()], 0));
    }

    /// Mean nanoseconds of each step since profiling began; empty without profiling or runs.
    pub fn timings(&self) -> Vec<(StepReport, u64)> {
        match &self.profile {
            Some((ns, runs)) if *runs > 0 => self.plan.report().steps.iter().cloned().zip(ns.iter().map(|n| n / runs)).collect(),
            _ => Vec::new(),
        }
    }

    fn check(&self, inputs: &[TensorRef<'_>], state: &StateStore) -> Result<(), RunError> {
        if inputs.len() != self.plan.inputs.len() {
            return Err(RunError::InputCount { expected: self.plan.inputs.len(), got: inputs.len() });
        }
        for (x, decl) in inputs.iter().zip(&self.plan.inputs) {
            if !x.fits(decl.ty) {
                return Err(RunError::Input { name: decl.name.clone(), expected: decl.ty, got: x.len() });
            }
        }
        for s in &self.plan.slots {
            let fits = s.slot.index() < state.layout().len() && {
                let slot = state.layout().slot(s.slot);
                slot.ty == s.ty && slot.role == s.role && slot.offset == s.offset
            };
            if !fits {
                return Err(RunError::State { slot: s.name.clone(), ty: s.ty });
            }
        }
        Ok(())
    }

    fn point_at_inputs(&mut self, inputs: &[TensorRef<'_>]) {
        self.bases[ARENA as usize] = self.arena.words_mut().as_mut_ptr().cast();
        for (base, x) in self.bases[INPUTS as usize..].iter_mut().zip(inputs) {
            *base = x.words().as_ptr().cast_mut().cast(); // never written: no step has an input for a target
        }
    }

    fn steps(&mut self) {
        let bases = Bases(self.bases.as_ptr());
        // SAFETY: the scratch was made for the plan and the pool, and this session is borrowed mutably.
        let workers = unsafe { Workers::new(&self.pool, self.isa, self.scratch.words_mut().as_mut_ptr().cast(), self.plan.scratch_words) };
        let mut clock = self.profile.as_mut().map(|p| (&mut p.0, Instant::now()));
        let done = |step: usize| {
            if let Some((ns, last)) = &mut clock {
                let now = Instant::now();
                ns[step] += now.duration_since(*last).as_nanos() as u64;
                *last = now;
            }
        };
        // SAFETY: the pointers are those of this run; the plan keeps every place within its space.
        unsafe { self.plan.run(&workers, bases, false, done) };
        if let Some(p) = &mut self.profile {
            p.1 += 1;
        }
    }
}

impl Session for CpuSession {
    fn run(&mut self, inputs: &[TensorRef<'_>], state: &mut StateStore) -> Result<(), RunError> {
        self.check(inputs, state)?;
        self.point_at_inputs(inputs);
        for (base, arena) in self.bases[STATE as usize..].iter_mut().zip(state.arenas_mut()) {
            *base = arena.as_mut_ptr().cast();
        }
        self.steps();
        Ok(())
    }

    fn run_frozen(&mut self, inputs: &[TensorRef<'_>], state: &StateStore) -> Result<(), RunError> {
        if self.plan.updates {
            return Err(RunError::Updates);
        }
        self.check(inputs, state)?;
        self.point_at_inputs(inputs);
        for role in Role::ALL {
            // Never written: a plan without updates has no state for a target.
            self.bases[STATE as usize + role.index()] = state.arena(role).as_ptr().cast_mut().cast();
        }
        self.steps();
        Ok(())
    }

    fn output(&self, index: usize) -> TensorRef<'_> {
        let Some(o) = self.plan.outputs.get(index) else { return TensorRef::F32(&[]) };
        let words = self.arena.words().get(o.at.offset..o.at.offset + o.words).unwrap_or(&[]);
        match o.dtype {
            DType::I32 => TensorRef::I32(bytemuck::cast_slice(words)),
            DType::F32 | DType::Bool => TensorRef::F32(bytemuck::cast_slice(words)),
        }
    }
}

impl std::fmt::Debug for CpuSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuSession").field("steps", &self.plan.steps.len()).field("isa", &self.isa).finish_non_exhaustive()
    }
}
