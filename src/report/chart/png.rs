//! PNG in memory: the encoder that plotters offers writes to a path only.

use flate2::{Compression, Crc, write::ZlibEncoder};
use std::io::{self, Write};

/// First bytes of each PNG (PNG specification, third edition, 5.2).
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];

/// Averages squares of `factor` by `factor` pixels of an RGB picture that is `width` pixels wide.
pub(crate) fn shrink(pixels: &[u8], width: usize, factor: usize) -> Vec<u8> {
    let row = width * 3;
    let area = (factor * factor) as u32;
    let mut small = Vec::with_capacity(pixels.len() / (factor * factor));
    for rows in pixels.chunks_exact(row * factor) {
        for x in 0..width / factor {
            for channel in 0..3 {
                let places = (0..factor * factor).map(|i| (i / factor) * row + (x * factor + i % factor) * 3 + channel);
                let sum: u32 = places.map(|at| u32::from(rows[at])).sum();
                small.push(((sum + area / 2) / area) as u8);
            }
        }
    }
    small
}

/// Packs an RGB picture.
pub(crate) fn encode(pixels: &[u8], width: u32, height: u32) -> io::Result<Vec<u8>> {
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]); // eight bits, RGB, deflate, usual filters, not interlaced

    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    let mut above = vec![0_u8; width as usize * 3];
    for row in pixels.chunks_exact(width as usize * 3) {
        packer.write_all(&[2])?; // filter "up": most rows of a chart equal the row above
        let differences: Vec<u8> = row.iter().zip(&above).map(|(a, b)| a.wrapping_sub(*b)).collect();
        packer.write_all(&differences)?;
        above.copy_from_slice(row);
    }

    let mut png = SIGNATURE.to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &packer.finish()?);
    chunk(&mut png, *b"IEND", &[]);
    Ok(png)
}

/// Appends one chunk: length, kind, data, checksum of kind and data.
fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let mut sum = Crc::new();
    sum.update(&kind);
    sum.update(data);
    png.extend((data.len() as u32).to_be_bytes());
    png.extend(kind);
    png.extend(data);
    png.extend(sum.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_averaged() {
        let two_by_two = [0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255];
        assert_eq!(shrink(&two_by_two, 2, 2), [128, 128, 128]);
    }

    #[test]
    fn the_pieces_of_a_png_are_there() {
        let png = encode(&[1, 2, 3, 4, 5, 6], 2, 1).expect("in memory");
        assert_eq!(png[..8], SIGNATURE);
        assert_eq!(png[12..24], [b'I', b'H', b'D', b'R', 0, 0, 0, 2, 0, 0, 0, 1]);
        assert!(png.ends_with(&[0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]));
    }
}
