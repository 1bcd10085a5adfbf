//! A training step of one's own: half of the loss is that of inputs moved to where it grows fastest (Goodfellow et al. 2015).
//!
//!     cargo run --release -p adaline --example custom_step
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::prelude::*;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "loss on inputs moved by 0.1 against the network: trained plainly {:.3}, trained with such inputs {:.3}",
        trained(false)?,
        trained(true)?
    );
    Ok(())
}

/// Trains, then measures the loss on inputs moved against the network.
fn trained(hardened: bool) -> Result<f64, Box<dyn Error>> {
    let x = Tensor::f32([300, 2], (0..600).map(|i| (i as f32 * 1.7).sin()).collect())?;
    let y: Vec<i32> = x.f32_values().chunks(2).map(|r| i32::from(r[0] * r[1] > 0.0)).collect();
    let y = Tensor::from(y);
    let network = || Sequential::new().add(Input::new([2])).add(Dense::new(32).activation(Activation::Relu)).add(Dense::new(2));
    let loss = || SparseCategoricalCrossentropy::default().from_logits(true);
    let mut model = network().build(Seed(1))?;
    model.compile(Adam::new(0.01), loss(), ())?;
    if hardened {
        model.set_train_step(|step| {
            let x = step.x()[0];
            let worse = x + step.gradient(step.loss(), x).sign().stop_gradient() * 0.1;
            let predictions = step.forward(&[worse]);
            (step.loss() + step.loss_of(&predictions)) * 0.5
        });
    }
    model.fit(&x, &y, Fit::default().epochs(40).verbose(0))?;
    let gradient = model.inspect(&x, Some(&y))?.input_gradients.remove(0);
    let moved = x.f32_values().iter().zip(gradient.f32_values().iter()).map(|(x, g)| x + 0.1 * g.signum()).collect();
    let logs = model.evaluate(&Tensor::f32([300, 2], moved)?, &y, Evaluate::default())?;
    Ok(logs[0].1)
}

#[test]
fn training_with_worse_inputs_makes_them_less_bad() -> Result<(), Box<dyn Error>> {
    let (plain, hardened) = (trained(false)?, trained(true)?);
    assert!(hardened < 0.95 * plain, "{plain} {hardened}");
    Ok(())
}
