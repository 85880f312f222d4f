// SPDX-License-Identifier: MIT
// Thumbnails by sharp, as its documentation does them: what scripts/bench measures it with.
//
// usage: node sharp.js FILES-AT-ONCE SIDES OUT FILE…
//
// SIDES: boxes, joined by commas. OUT: a file, a folder ("…/") for {stem}-{side}.jpg, or a name with % for
// {stem}. Orientation is applied, JPEG has quality 80, everything else is sharp's default.
const path = require('path');
const sharp = require('sharp');

const [atOnce, sides, out, ...files] = process.argv.slice(2);

async function resize(file) {
	const whole = sharp(file).rotate();
	await Promise.all(sides.split(',').map(async (side) => {
		const name = out.endsWith('/') ? `${out}${path.parse(file).name}-${side}.jpg` : out.replace('%', path.parse(file).name);
		const image = whole.clone().resize(Number(side), Number(side), { fit: 'inside', withoutEnlargement: true });
		await (name.endsWith('.jpg') ? image.jpeg({ quality: 80 }) : image).toFile(name);
	}));
}

async function work() {
	while (files.length > 0)
		await resize(files.shift());
}

if (Number(atOnce) > 1)
	sharp.concurrency(1); // threads work on files, not inside one
Promise.all(Array.from({ length: Number(atOnce) }, work)).catch((error) => {
	console.error(error);
	process.exit(1);
});
