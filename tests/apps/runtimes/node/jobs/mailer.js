require('../probe').probe('child');
