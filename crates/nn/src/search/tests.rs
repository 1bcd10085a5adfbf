use super::*;
use serde_json::json;
use std::sync::Mutex;

fn list(name: &str, values: &[Value]) -> Setting {
    Setting { name: name.into(), values: Values::List(values.to_vec()) }
}

fn search(method: Method, trials: usize) -> Search {
    let rate = Setting { name: "rate".into(), values: Values::Range { low: 1e-4, high: 1.0, log: true } };
    let space = Space { settings: vec![rate, list("units", &[json!(4), json!(8), json!(16)])] };
    Search { space, method, trials, epochs: 90, seed: 3, workers: 2 }
}

/// The distance from a rate of 0.01 with 8 units, less exact with few epochs.
#[expect(clippy::unnecessary_wraps, reason = "what a search calls may fail")]
fn judge(trial: &Trial) -> Result<Option<(f64, Value)>> {
    let (rate, units) = (trial.point[0].1.as_f64().unwrap(), trial.point[1].1.as_f64().unwrap());
    let blurred = ((trial.number * 7919) % 13) as f64 / trial.epochs as f64;
    Ok(Some(((rate.log10() + 2.0).abs() + (units - 8.0).abs() / 8.0 + blurred, json!({"epochs": trial.epochs}))))
}

fn run(search: &Search, before: &[Finished]) -> (Vec<Finished>, usize) {
    let mut told = 0;
    let all = search.run(before, &AtomicBool::new(false), judge, |_| {
        told += 1;
        Ok(())
    });
    (all.unwrap(), told)
}

#[test]
fn a_grid_is_every_combination_and_must_fit_the_trials() {
    let settings = vec![list("a", &[json!(1), json!(2)]), list("b", &[json!("x"), json!("y"), json!("z")])];
    let grid = Search { space: Space { settings }, ..search(Method::Grid, 6) };
    let points = grid.points().unwrap();
    assert_eq!((points.len(), grid.count().unwrap()), (6, 6));
    assert_eq!(points[1], vec![("a".to_owned(), json!(1)), ("b".to_owned(), json!("y"))]);
    let text = Search { trials: 5, ..grid }.count().unwrap_err().to_string();
    assert!(text.contains("the grid has 6 points, more than the 5 trials"), "{text}");
    let text = search(Method::Grid, 9).count().unwrap_err().to_string();
    assert!(text.contains("setting `rate`: a grid needs a list"), "{text}");
}

#[test]
fn draws_are_different_lie_within_and_begin_alike() {
    let few = search(Method::Random, 10).points().unwrap();
    let many = search(Method::Random, 200).points().unwrap();
    assert_eq!(few, many[..10]);
    for (at, point) in many.iter().enumerate() {
        let rate = point[0].1.as_f64().unwrap();
        assert!((1e-4..=1.0).contains(&rate) && !many[..at].contains(point));
    }
    let below = many.iter().filter(|p| p[0].1.as_f64().unwrap() < 0.01).count();
    assert!((70..130).contains(&below), "half of the draws lie in the lower decades: {below}");
    assert_ne!(few, Search { seed: 4, ..search(Method::Random, 10) }.points().unwrap());
    // A space with three points has no more trials.
    let space = Space { settings: vec![list("units", &[json!(4), json!(8), json!(16)])] };
    assert_eq!(Search { space, ..search(Method::Random, 50) }.count().unwrap(), 3);
}

#[test]
fn halving_gives_the_best_more_epochs() {
    let halving = search(Method::Halving, 30);
    let (all, told) = run(&halving, &[]);
    assert_eq!((all.len(), told, halving.count().unwrap()), (44, 44, 44));
    let of = |round| all.iter().filter(move |f| f.trial.round == round);
    assert_eq!([0, 1, 2, 3].map(|r| (of(r).count(), of(r).next().unwrap().trial.epochs)), [(30, 3), (10, 10), (3, 30), (1, 90)]);
    let worst_kept = of(1).map(|f| f.trial.number).map(|n| of(0).find(|f| f.trial.number == n).unwrap().score).fold(0.0, f64::max);
    assert_eq!(of(0).filter(|f| f.score <= worst_kept).count(), 10);
    assert_eq!(all[0].trial.round, 3);
}

#[test]
fn neither_workers_nor_an_interruption_change_anything() {
    for method in [Method::Random, Method::Halving] {
        let (whole, _) = run(&Search { workers: 1, ..search(method, 20) }, &[]);
        assert_eq!(run(&Search { workers: 5, ..search(method, 20) }, &[]).0, whole);
        for known in [1, 13, 21] {
            let known = &whole[whole.len().saturating_sub(known)..];
            let (again, told) = run(&search(method, 20), known);
            assert_eq!((&again, told), (&whole, whole.len() - known.len()));
        }
    }
}

#[test]
fn a_stop_and_an_error_end_it() {
    let stop = AtomicBool::new(false);
    let seen = Mutex::new(0);
    let evaluate = |trial: &Trial| {
        *seen.lock().unwrap() += 1;
        stop.store(trial.number >= 4, Ordering::Relaxed);
        judge(trial)
    };
    let one = Search { workers: 1, ..search(Method::Halving, 20) };
    assert_eq!(one.run(&[], &stop, evaluate, |_| Ok(())).unwrap().len(), 5);
    let error =
        one.run(&[], &AtomicBool::new(false), |t| if t.number == 3 { Err(Error::option("x", 1, "2")) } else { judge(t) }, |_| Ok(()));
    assert!(matches!(error, Err(Error::Option { option: "x", .. })));
}

#[test]
fn bad_spaces_are_told() {
    let text = |setting: Setting| Space { settings: vec![setting] }.validate().unwrap_err().to_string();
    let range = |low, high, log| text(Setting { name: "rate".into(), values: Values::Range { low, high, log } });
    assert!(range(1.0, 1.0, false).contains("setting `rate`: a range goes from a smaller to a larger number, got 1 to 1"));
    assert!(range(f64::NAN, 1.0, false).contains("got NaN"));
    assert!(range(0.0, 1.0, true).contains("a logarithmic range begins above 0"));
    assert!(text(list("a", &[])).contains("its list of values is empty"));
    assert!(text(list("a", &[json!(1), json!(1)])).contains("the value 1 is given twice"));
    assert!(Space::default().validate().unwrap_err().to_string().contains("nothing to vary"));
    let twice = Space { settings: vec![list("a", &[json!(1)]), list("a", &[json!(2)])] };
    assert!(twice.validate().unwrap_err().to_string().contains("setting `a`: it is given twice"));
}

#[test]
fn nan_is_worst() {
    let finished = |number, score| Finished { trial: Trial { number, round: 0, epochs: 1, point: vec![] }, score, notes: Value::Null };
    let mut all = vec![finished(0, f64::NAN), finished(1, f64::INFINITY), finished(2, 0.0), finished(3, -0.0)];
    ranked(&mut all);
    assert_eq!(all.iter().map(|f| f.trial.number).collect::<Vec<_>>(), [2, 3, 1, 0]);
}
