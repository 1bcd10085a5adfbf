use super::*;
use crate::{normalize, to_categorical};

fn matrix() -> Tensor {
    Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]])
}

#[test]
fn shape_and_values_must_agree() {
    let error = Tensor::f32([2, 3], vec![0.0; 5]).unwrap_err().to_string();
    assert_eq!(error, "a tensor of shape [2, 3] holds 6 values, but 5 were given");
    assert!(matches!(Tensor::zeros([usize::MAX, 2]), Err(DataError::TooLarge { .. })));
    assert!(matches!(Tensor::zeros([0, usize::MAX, 2]), Err(DataError::TooLarge { .. })));
    assert!(matches!(Tensor::from_rows(&[vec![1.0], vec![]]), Err(DataError::UnequalRows { row: 1, .. })));
    assert!(matches!(Tensor::try_from(vec![vec![1], vec![2, 3]]), Err(DataError::UnequalRows { row: 1, .. })));
    assert_eq!(Tensor::zeros([0, 3]).unwrap().rows(), 0);
    assert_eq!(Tensor::from_rows(&[[1.0, 2.0], [3.0, 4.0]]).unwrap().shape(), [2, 2]);
}

#[test]
fn reshape_resolves_one_free_size() {
    for (to, expected) in [
        (&[-1isize][..], Some(vec![6])),
        (&[3, -1], Some(vec![3, 2])),
        (&[1, 6, 1], Some(vec![1, 6, 1])),
        (&[-1, -1], None),
        (&[4, -1], None),
        (&[0, -1], None),
        (&[-2, -3], None),
        (&[isize::MAX, isize::MAX], None),
        (&[], None),
    ] {
        let got = matrix().reshape(to).ok().map(|t| t.shape().to_vec());
        assert_eq!(got, expected, "{to:?}");
    }
    let scalar = Tensor::from([7.0f32]).reshape(&[]).unwrap();
    assert_eq!((scalar.rows(), scalar.row_len(), scalar.rank()), (1, 1, 0));
    assert_eq!(Tensor::zeros([0, 4]).unwrap().reshape(&[-1, 4]).unwrap().shape(), [0, 4]);
}

#[test]
fn rows_are_taken_sliced_and_joined() {
    let t = matrix();
    assert_eq!(t.take_rows(&[1, 0, 1]).unwrap().as_f32().unwrap(), [4., 5., 6., 1., 2., 3., 4., 5., 6.]);
    assert_eq!(t.slice_rows(1..2).unwrap(), Tensor::from([[4.0f32, 5.0, 6.0]]));
    assert_eq!(t.slice_rows(1..1).unwrap().shape(), [0, 3]);
    assert_eq!(t.clone().first_rows(1), t.slice_rows(0..1).unwrap());
    assert_eq!((t.clone().first_rows(9), t.clone().first_rows(0).shape()), (t.clone(), &[0, 3][..]));
    assert_eq!(t.row(0).unwrap(), Tensor::from([1.0f32, 2.0, 3.0]));
    assert!(matches!(t.take_rows(&[0, 2]), Err(DataError::RowOutOfRange { row: 2, rows: 2 })));
    assert!(t.slice_rows(1..3).is_err());
    #[expect(clippy::reversed_empty_ranges)]
    let reversed = t.slice_rows(2..1);
    assert!(reversed.is_err());
    assert!(t.row(9).is_err());
    assert_eq!(Tensor::concat_rows(&[&t, &t]).unwrap().shape(), [4, 3]);
    assert!(Tensor::concat_rows(&[]).is_err());
    assert!(matches!(Tensor::concat_rows(&[&t, &Tensor::from([[1, 2, 3]])]), Err(DataError::Join { index: 1, .. })));
    assert!(Tensor::concat_rows(&[&t, &Tensor::from([[1.0f32]])]).is_err());
}

#[test]
fn gather_converts_from_every_type() {
    let rows = [2, 0];
    let all = [Tensor::from([1.0f32, 2.0, 3.0]), Tensor::from([1, 2, 3]), Tensor::from([1u8, 2, 3])];
    for t in all {
        let (mut f, mut i) = ([0.0; 2], [0; 2]);
        t.gather_f32_into(&rows, &mut f).unwrap();
        t.gather_i32_into(&rows, &mut i).unwrap();
        assert_eq!((f, i), ([3.0, 1.0], [3, 1]));
        assert!(matches!(t.gather_f32_into(&rows, &mut [0.0; 3]), Err(DataError::BufferSize { expected: 2, .. })));
        assert!(matches!(t.gather_i32_into(&[3], &mut [0]), Err(DataError::RowOutOfRange { .. })));
        assert_eq!(t.to_f32().as_f32().unwrap(), [1.0, 2.0, 3.0]);
    }
    Tensor::zeros([2, 0]).unwrap().gather_f32_into(&rows[1..], &mut []).unwrap();
}

#[test]
fn statistics_see_nan_and_emptiness() {
    let t = Tensor::from([3u8, 1, 2]);
    assert_eq!((t.min(), t.max(), t.mean()), (Some(1.0), Some(3.0), Some(2.0)));
    let empty = Tensor::zeros([0]).unwrap();
    assert_eq!((empty.min(), empty.max(), empty.mean()), (None, None, None));
    let nan = Tensor::from([1.0, f32::NAN, 3.0]);
    assert!(nan.min().unwrap().is_nan() && nan.max().unwrap().is_nan() && nan.mean().unwrap().is_nan());
    assert_eq!(t.divide(2.0), t.scale(0.5));
    assert_eq!(t.map(|x| -x).as_f32().unwrap(), [-3.0, -1.0, -2.0]);
    assert_eq!(format!("{t:?}"), "Tensor(uint8 [3], [3, 1, 2])");
}

#[test]
fn to_categorical_is_keras() {
    let hot = to_categorical(&Tensor::from([0, 2]), None).unwrap();
    assert_eq!(hot, Tensor::from([[1.0f32, 0.0, 0.0], [0.0, 0.0, 1.0]]));
    // keras: a trailing axis of size 1 is dropped
    let column = Tensor::from([[1u8], [0]]);
    assert_eq!(to_categorical(&column, Some(2)).unwrap(), Tensor::from([[0.0f32, 1.0], [1.0, 0.0]]));
    for bad in [Tensor::from([-1]), Tensor::from([3]), Tensor::from([0.5f32]), Tensor::from([f32::NAN])] {
        assert!(matches!(to_categorical(&bad, Some(3)), Err(DataError::BadLabel { .. })), "{bad:?}");
    }
    assert!(to_categorical(&Tensor::from([i32::MAX; 8]), None).is_err());
}

#[test]
fn normalize_divides_by_length() {
    let t = Tensor::from([[3.0f32, 0.0], [4.0, 0.0]]);
    assert_eq!(normalize(&t, 0).unwrap(), Tensor::from([[0.6f32, 0.0], [0.8, 0.0]]));
    assert_eq!(normalize(&t, -1).unwrap(), Tensor::from([[1.0f32, 0.0], [1.0, 0.0]]));
    for axis in [2, -3, isize::MIN] {
        assert!(matches!(normalize(&t, axis), Err(DataError::AxisOutOfRange { .. })));
    }
    assert_eq!(normalize(&Tensor::zeros([0, 3]).unwrap(), 1).unwrap().shape(), [0, 3]);
}
