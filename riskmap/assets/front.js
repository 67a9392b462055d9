/*
 * "Near me" on the front door: asks the device where it is, rounds that to a hundredth of a degree (about a kilometre)
 * before anything is sent, and goes to the page that lists the published places there.
 */
"use strict";
(function () {
  const line = document.querySelector(".rm-near");
  if (!line || !navigator.geolocation || !window.isSecureContext) return;
  const button = line.querySelector("button");
  const said = document.querySelector(".rm-near-said");
  line.hidden = false;

  const found = ({ coords }) => {
    const address = new URL(window.location.pathname, window.location.origin);
    address.searchParams.set("lat", coords.latitude.toFixed(2));
    address.searchParams.set("lng", coords.longitude.toFixed(2));
    window.location.assign(address);
  };
  const refused = () => {
    said.textContent = button.dataset.refused;
    button.disabled = false;
  };
  button.addEventListener("click", () => {
    said.textContent = button.dataset.waiting;
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(found, refused, { maximumAge: 600000, timeout: 15000 });
  });
})();
