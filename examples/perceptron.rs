//! The perceptron: a neuron that decides whether to go surfing.
//!
//! Three questions are answered with yes (1) or no (0). Each has a weight that says how much it matters, and the bias says how much
//! persuasion is needed at all. If the weighted sum of the answers plus the bias is above 0, the neuron fires: we go.
//! The weights are set by hand here; nothing is learned.
//!
//!     cargo run --release -p adaline --example perceptron
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use adaline::prelude::*;
use adaline::report::tables::{Align, TextTable};
use std::error::Error;

/// The questions and how much each matters.
const QUESTIONS: [(&str, f32); 3] = [("good waves?", 5.0), ("empty water?", 2.0), ("no sharks?", 4.0)];
/// Without any yes the sum is below 0: we stay at home.
const BIAS: f32 = -3.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut model = surfer()?;

    // 1 × 5 + 0 × 2 + 1 × 4 - 3 = 6, which is above 0
    let today = [[1.0, 0.0, 1.0]];
    let (sums, decisions) = decide(&mut model, &Tensor::from(today))?;
    println!("today: {:?} -> weighted sum {} -> {}", today[0], sums[0], word(decisions[0]));
    println!();

    let questions = QUESTIONS.map(|(question, _)| (question, Align::Right));
    let mut table = TextTable::new(questions.into_iter().chain([("sum", Align::Right), ("", Align::Left)]));
    let days = all_days();
    let (sums, decisions) = decide(&mut model, &Tensor::from(days.clone()))?;
    for ((day, sum), decision) in days.iter().zip(sums).zip(decisions) {
        let answers = day.map(|a| if a > 0.0 { "yes".into() } else { "no".into() });
        table.row(answers.into_iter().chain([sum.to_string(), word(decision).into()]));
    }
    print!("{table}");
    Ok(())
}

/// A perceptron with the weights above: `(B, 3) -> (B, 1)`.
fn surfer() -> Result<Model, Box<dyn Error>> {
    let mut model = Sequential::new()
        .add(Input::new([3]))
        .add(Dense::new(1).name("sum"))
        .add(Activation::Step) // 1 above 0, else 0
        .build(Seed(0))?;
    model.set_weight("sum/kernel", &Tensor::from(QUESTIONS.map(|(_, weight)| [weight])))?; // (3, 1)
    model.set_weight("sum/bias", &Tensor::from([BIAS]))?;
    Ok(model)
}

/// The weighted sums and what follows from them: what comes out of the first and of the second layer.
fn decide(model: &mut Model, days: &Tensor) -> Result<(Vec<f32>, Vec<f32>), Box<dyn Error>> {
    let [(_, sums), (_, decisions)] = &model.activations(days)?[..] else {
        return Err("expected the outputs of two layers".into());
    };
    Ok((sums.f32_values().into_owned(), decisions.f32_values().into_owned()))
}

/// All 8 ways to answer three questions.
fn all_days() -> Vec<[f32; 3]> {
    (0..8u8).map(|n| [n >> 2 & 1, n >> 1 & 1, n & 1].map(f32::from)).collect()
}

fn word(decision: f32) -> &'static str {
    if decision > 0.0 { "go" } else { "stay" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_waves_and_no_sharks_make_six() -> Result<(), Box<dyn Error>> {
        let mut model = surfer()?;
        assert_eq!(decide(&mut model, &Tensor::from([[1.0f32, 0.0, 1.0]]))?, (vec![6.0], vec![1.0]));
        Ok(())
    }

    #[test]
    fn all_eight_days() -> Result<(), Box<dyn Error>> {
        let mut model = surfer()?;
        let (sums, decisions) = decide(&mut model, &Tensor::from(all_days()))?;
        assert_eq!(sums, [-3.0, 1.0, -1.0, 3.0, 2.0, 6.0, 4.0, 8.0]);
        assert_eq!(decisions, [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        // The decision alone is what the network predicts.
        assert_eq!(model.predict(&Tensor::from(all_days()))?.f32_values(), decisions);
        Ok(())
    }

    #[test]
    fn the_step_cannot_be_trained() -> Result<(), Box<dyn Error>> {
        let mut model = surfer()?;
        model.compile(SGD::default(), MeanSquaredError::default(), ())?;
        let days = Tensor::from(all_days());
        let wishes = Tensor::zeros([8, 1])?;
        let error = model.fit(&days, &wishes, Fit::default().verbose(0)).err().ok_or("training through a step must be refused")?;
        assert!(error.to_string().contains("gradient 0"), "{error}");
        Ok(())
    }
}
