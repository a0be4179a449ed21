// Reads the page's data and starts each part that has something to show.

const FILMS = {images: imagesFilm, points: pointsFilm, trajectory: trajectoryFilm};
const data = JSON.parse(document.getElementById("data").textContent);
if (data.film) FILMS[data.film.kind](document.getElementById("film"), data.film);
if (data.curves.charts.length) curves(data.curves);
document.querySelectorAll("table.sortable").forEach(sortable);
