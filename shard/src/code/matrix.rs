//! Coefficients: which combination of k surviving slices is a lost one.
//!
//! Elements are those of reed-solomon-simd's GF(2^16), multiplied by its own tables.

use reed_solomon_simd::engine::{GF_MODULUS, GfElement, tables};

type Row = Vec<GfElement>;

fn multiply(one: GfElement, other: GfElement) -> GfElement {
    if other == 0 {
        return 0;
    }
    let tables = tables::get_exp_log();
    tables::mul(one, tables.log[usize::from(other)], &tables.exp, &tables.log)
}

fn invert(element: GfElement) -> GfElement {
    let tables = tables::get_exp_log();
    let log = tables.log[usize::from(element)] % GF_MODULUS;
    tables.exp[usize::from((GF_MODULUS - log) % GF_MODULUS)]
}

fn unit(length: usize, one_at: usize) -> Row {
    (0..length).map(|at| GfElement::from(at == one_at)).collect()
}

/// The parity rows of the generator: what each data slice contributes to each parity slice. Read
/// off by encoding unit vectors.
pub(super) fn parity_rows(k: usize, m: usize) -> Vec<Row> {
    let mut rows = vec![vec![0; k]; m];
    for column in 0..k {
        // One 64-byte unit: 32 low bytes, then 32 high bytes.
        let data: Vec<[u8; 64]> = (0..k)
            .map(|slice| {
                let mut bytes = [0; 64];
                bytes[0] = u8::from(slice == column);
                bytes
            })
            .collect();
        let parity = reed_solomon_simd::encode(k, m, &data).expect("a sound profile");
        for (row, bytes) in rows.iter_mut().zip(parity) {
            row[column] = GfElement::from_le_bytes([bytes[0], bytes[32]]);
        }
    }
    rows
}

/// For the shard `lost`: the coefficient of each of the k `survivors`.
pub(super) fn coefficients(k: usize, m: usize, survivors: &[u8], lost: u8) -> Row {
    let parity = parity_rows(k, m);
    let row_of = |shard: u8| match usize::from(shard) {
        shard if shard < k => unit(k, shard),
        shard => parity[shard - k].clone(),
    };
    let inverse = inverse(survivors.iter().map(|&shard| row_of(shard)).collect());
    // survivors = A · data, so lost = row · data = (row · A⁻¹) · survivors.
    let row = row_of(lost);
    (0..k)
        .map(|column| {
            let products = row.iter().zip(&inverse).map(|(&one, line)| multiply(one, line[column]));
            products.fold(0, |sum, product| sum ^ product)
        })
        .collect()
}

/// Gauss–Jordan. Any k rows of the generator are independent: the code is MDS.
fn inverse(mut matrix: Vec<Row>) -> Vec<Row> {
    let size = matrix.len();
    let mut inverse: Vec<Row> = (0..size).map(|at| unit(size, at)).collect();
    for column in 0..size {
        let pivot = (column..size).find(|&row| matrix[row][column] != 0);
        let pivot = pivot.expect("any k rows of the generator are independent");
        matrix.swap(column, pivot);
        inverse.swap(column, pivot);
        let scale = invert(matrix[column][column]);
        for rows in [&mut matrix, &mut inverse] {
            rows[column].iter_mut().for_each(|element| *element = multiply(*element, scale));
        }
        for row in (0..size).filter(|&row| row != column) {
            let factor = matrix[row][column];
            for rows in [&mut matrix, &mut inverse] {
                let pivot = rows[column].clone();
                for (element, pivot) in rows[row].iter_mut().zip(pivot) {
                    *element ^= multiply(pivot, factor);
                }
            }
        }
    }
    inverse
}
