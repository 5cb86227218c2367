"""Simulated photographs of foot ulcers of exactly known outline and area.

They check the scale and the measurement (``scripts/benchmark``) and stand in for a subject's
photographs in ``woundseg demo``. Everything is drawn from seeds; no photograph is used.

::

    camera    pinhole, tilt, roll, radial distortion: mm on a plane to px, and back
    outline   ulcer outlines whose area is known in closed form
    noise     seeded noise fixed to places in mm
    foot      a foot's silhouette and skin
    light     light of another colour and strength
    ulcer     bed, rim and halo of an ulcer; the scar that it leaves
    develop   light to JPEG: uneven light, blur, noise, white balance, compression
    scene     all of it, rendered, with the truth
    views     photographs drawn at random over stated ranges
    visits    a subject's visits on a healing curve
"""

from woundseg.simulate.camera import Camera, Lens, Pose
from woundseg.simulate.develop import Capture
from woundseg.simulate.foot import Foot
from woundseg.simulate.outline import Outline
from woundseg.simulate.scene import CardPlace, Scene, SceneSpec, TrueUlcer, render
from woundseg.simulate.ulcer import UlcerLook
from woundseg.simulate.views import ViewRanges, draw_view
from woundseg.simulate.visits import Course, Healing, Visit, draw_visits, write_visits

__all__ = [
    "Camera",
    "Capture",
    "CardPlace",
    "Course",
    "Foot",
    "Healing",
    "Lens",
    "Outline",
    "Pose",
    "Scene",
    "SceneSpec",
    "TrueUlcer",
    "UlcerLook",
    "ViewRanges",
    "Visit",
    "draw_view",
    "draw_visits",
    "render",
    "write_visits",
]
