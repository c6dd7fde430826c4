// The sizes of the review grid.

export const GAP_PX = 10; // between tiles
export const RIBBON_PX = 30; // below each image
export const TILE_WIDTH_PX = { least: 96, usual: 148, most: 256 }; // A thumbnail has 256 px.
